.PHONY: check format lint types docs tests
check: format lint types docs tests

format:
	ruff format .

lint:
	ruff check .

types:
	mypy

docs:
	python -m reproduce.report --fill README.md docs
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

tests:
	python -m pytest
