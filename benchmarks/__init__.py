"""What the queue, the engine and a whole worker cost and how fast they are, each beside stock arq in the same run.

Every module has a `measure` that returns rows and says in its docstring how they come about; `python -m benchmarks`
prints them. Server, workers and model are real processes on this machine.
"""
