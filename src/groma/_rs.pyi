VERSION: str
LISTING: int
SOURCES: int

# masking
def mask(text: str) -> tuple[str, list[tuple[int, int, str]]] | None: ...
