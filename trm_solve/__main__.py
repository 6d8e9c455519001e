"""`python -m trm_solve`, as torchrun wants it."""

from trm_solve.cli import main

if __name__ == "__main__":
    main()
