"""Answer builder: puts an answer together from the events of a stream."""

from aether.adapters.openai.answers import Answer, TokenUsage, merge_tokens
from aether.adapters.openai.cumulative_text import CumulativeText
from aether.adapters.openai.stream_chunks import ChunkChoice


class AnswerBuilder:
    """Adds the events of a stream to an `answer`, except for their text: what is new of it is returned."""

    def __init__(self) -> None:
        self._has_deltas = False
        self._new_text = CumulativeText()
        self._reasoning: list[str] = []
        self.answer = Answer(has_choice=False)

    def add_choice(self, choice: ChunkChoice, tokens: TokenUsage | None) -> str:
        """Add an ordinary chunk."""
        answer, delta = self.answer, choice.delta
        answer.has_choice = True
        answer.tokens = tokens or answer.tokens
        answer.finish_reason = choice.finish_reason or answer.finish_reason
        if delta.refusal:
            answer.refusal += delta.refusal
        if reasoning := delta.reasoning_content or delta.reasoning:
            self._reasoning.append(reasoning)
        if not delta.content:
            return ""
        self._has_deltas = True
        return self._new_text.feed(delta.content)

    def add_answer(self, piece: Answer) -> str:
        """Add any other event.

        Some servers end a stream with the whole message, of which all has come; and other choices are no part of it.
        """
        answer = self.answer
        answer.has_choice = True
        answer.error = piece.error
        answer.tokens = merge_tokens(answer.tokens, piece.tokens)
        if piece.is_other_choice and piece.error is None:
            return ""
        answer.finish_reason = piece.finish_reason or answer.finish_reason
        if piece.is_message and self._has_deltas:
            return ""
        self._has_deltas = self._has_deltas or bool(piece.content and not piece.is_message)
        answer.refusal += piece.refusal
        answer.arguments += piece.arguments
        self._reasoning.append(piece.reasoning)
        return self._new_text.feed(piece.content)

    def end(self) -> str:
        """Complete the answer, and return the text that was held back."""
        self.answer.reasoning += "".join(self._reasoning)
        self._reasoning = []
        return self._new_text.end()
