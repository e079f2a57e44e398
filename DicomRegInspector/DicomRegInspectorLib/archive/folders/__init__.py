"""Studies in folders: files belong together by their Study Instance UID, wherever they lie."""
