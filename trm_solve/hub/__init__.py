"""Names of models -> folders: packaged, local, pulled from the Hugging Face hub."""
