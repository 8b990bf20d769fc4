"""Parts that need nothing else."""
