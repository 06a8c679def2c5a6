"""Sampling parameters that work best with the bundled model, where a request names no others.

Measured with SmolLM2-135M-Instruct on six to eight topics each. A larger model does not need them, and still works with
them.
"""

from aether.workflows.llm.ports import Sampling

# Without a penalty the text repeats itself; DRY makes it worse ("The Romans had built roads and they had built trade").
# min_p cuts off unlikely tokens, which are nonsense in a model this small. It does not always stop by itself, and the
# server lets no request raise this limit.
SAMPLING = Sampling(temperature=0.5, min_p=0.1, frequency_penalty=0.4, repeat_last_n=256, max_tokens=600)
