.PHONY: check format lint types tests
check: format lint types tests

format:
	ruff format .

lint:
	ruff check .

types:
	mypy

tests:
	python -m pytest
