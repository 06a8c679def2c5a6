"""Job problems: the problem types of failed jobs."""

JOB_PROBLEMS = {
    "model-failed": "The model could not finish a step",
    "budget-exceeded": "The job would cost more than it may",
    "model-overloaded": "The model server stayed overloaded",
    "model-unreachable": "The model server could not be reached",
    "model-refused": "The model declined",
    "model-rejected-key": "The model server rejected the key",
    "deadline-exceeded": "The job took longer than it may",
    "poison": "The job ended every worker it ran on",
    "lost": "The job store lost the job again and again",
    "internal-error": "Aether failed",
}
"""The problem types of failed jobs: the last word of `type`, and the title."""
