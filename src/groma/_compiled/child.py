"""The child process in which files are scanned (run as a script, see `worker`): the core and the grammars, and nothing else of Python.

It is started for one changed file too, so what it does not import counts: `site`, `importlib.resources` and a grammar wheel's own front would
cost 25 ms of the 60 that such a run may take. Arguments: the core, the folder of the static model, where to look for grammars, and last the
descriptor that `serve` wants.
"""

import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder
from types import ModuleType


def extension(name: str, file: str) -> ModuleType:
    """The extension module `name` from `file`."""
    loader = ExtensionFileLoader(name, file)
    module = loader.create_module(ModuleSpec(name, loader, origin=file))
    loader.exec_module(module)
    return module


def grammar(name: str) -> object:
    """The pointer of a grammar, `name` being "module" or "module:function" as in `languages.toml`."""
    module, _, function = name.partition(":")
    package = PathFinder.find_spec(module, places)
    binding = PathFinder.find_spec(f"{module}._binding", package.submodule_search_locations) if package else None
    if binding and binding.origin and isinstance(binding.loader, ExtensionFileLoader):
        held = loaded.get(module) or loaded.setdefault(module, extension(binding.name, binding.origin))
    else:  # installed in a way of its own
        import site
        from importlib import import_module

        site.main()
        held = import_module(module)
    return getattr(held, function or "language")()


if __name__ == "__main__":
    loaded: dict[str, ModuleType] = {}
    _, core, model, *places, marks = sys.argv
    extension("groma._rs", core).serve(int(marks), model, grammar)
