"""How static files get their names: with a hash of what is in them, for ever cached."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

#: Where scripts import each other; what is bundled elsewhere stays as it was built.
_MODULES = "automations/canvas/*.js"


class ModulesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names the modules that a script imports by their hashes, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _, imports = self._js_module_import_aggregation_patterns
        known = HashedFilesMixin.patterns
        self.patterns = (*known, (_MODULES, imports))
        super().__init__(*args, **kwargs)
