"""A counter that remembers, for whoever is to be told how many."""


class Tally:
    def __init__(self) -> None:
        self.total: float = 0

    def __call__(self, amount: float = 1) -> None:
        self.total += amount
