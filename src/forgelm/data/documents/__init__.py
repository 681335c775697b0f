"""Turns documents (PDF, DOCX, EPUB, HTML, Markdown, plain text) into pages of text."""
