"""The paper, regenerated: its published values, its claims, and a page that judges them."""
