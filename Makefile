.PHONY: check format lint types docs tests
check: format lint types docs tests

format:
	ruff format .

lint:
	ruff check .

types:
	mypy

docs:
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

tests:
	python -m pytest
