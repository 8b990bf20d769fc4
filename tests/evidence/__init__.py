"""Evidence: packs, signatures, and what keeps names of patients out of both."""
