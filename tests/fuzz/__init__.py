"""
Fuzzing of every parser of foreign bytes: each has an entry that takes any bytes and raises nothing but what is documented.

`tests/fuzz/test_entries.py` feeds the entries with Hypothesis in every test run; `make fuzz` feeds the same entries with atheris, guided by coverage,
for as long as one likes.
"""
