"""Puts this folder on the import path, so that tests in subfolders can share what lies here."""
