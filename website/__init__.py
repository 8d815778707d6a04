"""The documentation's site: what `make docs` builds from docs/, from the code and from running examples."""
