"""Model choice: which models a request may name."""

from collections.abc import Sequence

from aether.errors import UnknownModelError
from aether.workflows.llm.ports import ChatModel, Form, Message, OnText, Reply, Sampling


class ModelChoice:
    """A `ChatModel` that calls another one, and refuses models that are not offered.

    Some servers write with whatever model they have, whichever is named.
    """

    def __init__(self, chat: ChatModel, models: Sequence[str]) -> None:
        self._chat = chat
        self._models = models

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        form: Form | None = None,
        sampling: Sampling | None = None,
        on_text: OnText | None = None,
    ) -> Reply:
        """Return the next turn.

        Raises:
            UnknownModelError: the model is not offered.
        """
        if model is not None and model not in self._models:
            raise UnknownModelError(model, self._models)
        return await self._chat.complete(messages, model=model, form=form, sampling=sampling, on_text=on_text)
