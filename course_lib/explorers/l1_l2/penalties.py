"""What explorers of lesson 02 share."""

PENALTIES = {
    "L1 (lasso)": (1.0, 0.0),
    "L2 (ridge)": (0.0, 1.0),
    "Half and half (elastic net)": (0.5, 0.5),
}
