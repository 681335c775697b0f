"""A model folder to one GGUF file that llama.cpp and its kin run, and such a file back to what is true about it."""
