"""Cumulative text: the pieces of servers that repeat in each piece all the text so far."""

_ENOUGH = 24  # characters that hardly any text repeats by chance


class CumulativeText:
    """Tells new text from repeated text: `feed` returns what is new in a piece.

    Pieces are new as a rule, and the second one shows it almost always. They are cumulative if two pieces in a row
    begin with all of the piece before, go on, and have more than a few words. Until that is known, they are held back.
    """

    def __init__(self) -> None:
        self._first: str | None = None
        self._held: list[str] = []
        self._so_far: str | None = None
        self._is_settled = False

    def feed(self, piece: str) -> str:
        """Return the text that is known to be new."""
        if self._is_settled or not piece:
            return piece
        if self._so_far is not None:
            return self._rest(piece)
        if self._first is None:
            self._first = piece
            return piece
        before = self._held[-1] if self._held else self._first
        if len(piece) <= len(before) or not piece.startswith(before):
            return self._settle() + piece
        self._held.append(piece)
        if len(self._held) > 1 and len(before) >= _ENOUGH:
            self._so_far, self._held = piece, []
            return piece[len(self._first) :]
        return ""

    def end(self) -> str:
        """Return what was held back, because no piece follows."""
        if not self._held:
            return ""
        first, last = self._first or "", self._held[-1]
        is_cumulative = len(first) >= _ENOUGH or (len(self._held) > 1 and len(last) >= _ENOUGH)
        return last[len(first) :] if is_cumulative else self._settle()

    def _settle(self) -> str:
        held, self._held, self._is_settled = self._held, [], True
        return "".join(held)

    def _rest(self, piece: str) -> str:
        so_far = self._so_far or ""
        if not piece.startswith(so_far):
            if so_far.startswith(piece) and len(piece) >= _ENOUGH:
                return ""  # the last piece may leave out blanks at the end
            self._so_far, self._is_settled = None, True
            return piece
        self._so_far = piece
        return piece[len(so_far) :]
