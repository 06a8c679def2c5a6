"""Each fault of the table of bounds as a function of a trial; `ALL` names them in the order in which they run."""

from collections.abc import Callable

from tests.chaos.scenarios.cancelling import cancels
from tests.chaos.scenarios.cuts import cuts, model_cuts
from tests.chaos.scenarios.equals import equals
from tests.chaos.scenarios.outages import outages_always, outages_everysec, power_cuts
from tests.chaos.scenarios.poison import poison
from tests.chaos.scenarios.signals import kills, rolling, zombies
from tests.chaos.scenarios.soak import soak
from tests.chaos.trial import Trial

ALL: dict[str, Callable[[Trial], None]] = {
    "kills": kills,
    "zombies": zombies,
    "rolling": rolling,
    "outages-always": outages_always,
    "outages-everysec": outages_everysec,
    "power-cuts": power_cuts,
    "cuts": cuts,
    "model-cuts": model_cuts,
    "poison": poison,
    "equals": equals,
    "cancels": cancels,
    "soak": soak,
}
