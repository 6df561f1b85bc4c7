"""History as files: which columns a table has, and how its rows are written as CSV and Parquet, piece by piece."""
