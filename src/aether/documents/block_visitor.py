"""Block visitor: the base of all writers, with a method for each form of block."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from aether.documents.model import Block, Code, Divider, Entries, Heading, List, Paragraph, Quote, Table

ResultT = TypeVar("ResultT")


class BlockVisitor(ABC, Generic[ResultT]):
    """Makes a result of blocks, one at a time; a writer that lacks a form of block cannot be created."""

    def visit(self, block: Block) -> ResultT:
        """Return what the method for this form of block makes of it."""
        method = getattr(self, f"visit_{type(block).__name__.lower()}")
        result: ResultT = method(block)
        return result

    @abstractmethod
    def visit_paragraph(self, block: Paragraph) -> ResultT:
        """Return the result for a paragraph."""

    @abstractmethod
    def visit_heading(self, block: Heading) -> ResultT:
        """Return the result for a heading inside a part."""

    @abstractmethod
    def visit_list(self, block: List) -> ResultT:
        """Return the result for a list."""

    @abstractmethod
    def visit_quote(self, block: Quote) -> ResultT:
        """Return the result for a quotation."""

    @abstractmethod
    def visit_code(self, block: Code) -> ResultT:
        """Return the result for text of fixed width."""

    @abstractmethod
    def visit_table(self, block: Table) -> ResultT:
        """Return the result for a table."""

    @abstractmethod
    def visit_divider(self, block: Divider) -> ResultT:
        """Return the result for a line between two subjects."""

    @abstractmethod
    def visit_entries(self, block: Entries) -> ResultT:
        """Return the result for footnotes or sources."""
