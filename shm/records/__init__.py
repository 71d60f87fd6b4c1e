"""One fixed-layout record per file: byte table, dtype, assertions. Imports nothing but numpy."""
