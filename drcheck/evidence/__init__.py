"""Evidence: what a stranger can check without us. Papers of a night, packs, keys and signatures."""

from drcheck.evidence.papers import papers_of

__all__ = ["papers_of"]
