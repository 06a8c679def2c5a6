"""Report workflow: recipe, writer, prompts and outline parser."""
