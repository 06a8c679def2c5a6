"""Translation recipe: translate all paragraphs of a text at the same time."""

from functools import partial

from aether.domain.job import Job
from aether.domain.stored_request import stored_request_decoder
from aether.durable.run import Run
from aether.workflows.definition import Workflow
from aether.workflows.llm.conversation import Conversation
from aether.workflows.llm.ports import ChatModel, Message
from aether.workflows.llm.prompt_fence import fence
from aether.workflows.step_results import result_of
from tests.example_kind.translation import Paragraph, TranslationRequest

_stored_request = stored_request_decoder(TranslationRequest)


async def translate(run: Run, request: TranslationRequest, chat: ChatModel) -> list[Paragraph]:
    """Translate each paragraph in a step of its own, so that a finished one is never paid for again."""

    async def translate_one(paragraph: str) -> Paragraph:
        conversation = Conversation(chat, words=len(paragraph.split()))
        return Paragraph(await conversation.text(_prompt(request.language, paragraph), whole=True))

    titles = [f"Paragraph {number}" for number in range(1, len(request.paragraphs) + 1)]
    return await run.fan_out("paragraph", request.paragraphs, translate_one, Paragraph, titles)


def first_steps(request: TranslationRequest) -> tuple[str, ...]:
    """Name the steps; all are known before the job starts."""
    return tuple(f"paragraph:{position}" for position in range(len(request.paragraphs)))


def paragraphs_so_far(job: Job) -> tuple[Paragraph | None, ...]:
    """Read the paragraphs from the job's finished steps, in order; None is one that is not finished."""
    return tuple(result_of(job, name, Paragraph) for name in first_steps(_stored_request.decode(job.input)))


def _prompt(language: str, paragraph: str) -> list[Message]:
    task = "Translate the text between the tags <text> and </text>. Answer with the translation only."
    return [Message("system", task), Message("user", f"{fence('language', language)}\n{fence('text', paragraph)}")]


WORKFLOW = Workflow(TranslationRequest, lambda ports: partial(translate, chat=ports.chat), first_steps)
