"""Visits to the shop as steps of (think seconds, method, path, body)."""

WORDS = ["tent", "boots", "rope", "stove", "lamp", "jacket", "trail", "glacier", "bottle", "pack"]
SLUGS = ["tents", "jackets", "stoves", "boots", "ropes", "lamps", "packs", "bottles"]


def browse(rng, pages):
    """Look around: home, categories, products, search, the known bug's page now and then."""
    steps = [(0, "GET", "/", None)]
    if rng.random() < 0.5:
        steps.append((1, "GET", "/static/" + rng.choice(["app.css", "app.js"]), None))
    for _ in range(pages):
        pick, think = rng.random(), rng.uniform(8, 55)
        if pick < 0.25:
            page = rng.randrange(1, 5)
            steps.append((think, "GET", f"/categories/{rng.choice(SLUGS)}" + (f"?page={page}" if page > 1 else ""), None))
        elif pick < 0.78:
            steps.append((think, "GET", f"/products/{rng.randrange(1, 641)}", None))
        elif pick < 0.90:
            steps.append((think, "GET", f"/search?q={rng.choice(WORDS)}", None))
        else:
            steps.append((think, "GET", f"/products/{rng.randrange(1, 641)}/related", None))
    return steps


def buy(rng, voucher=None):
    """Fill a basket and pay, with a voucher or without."""
    basket = f"b{rng.randrange(16 ** 8):08x}"
    steps = []
    for _ in range(rng.randrange(1, 4)):
        steps.append((rng.uniform(5, 30), "POST", f"/baskets/{basket}/items",
                      {"product": rng.randrange(1, 641), "quantity": rng.randrange(1, 3)}))
    steps.append((rng.uniform(5, 20), "GET", f"/baskets/{basket}", None))
    if voucher:
        steps.append((rng.uniform(8, 30), "POST", f"/checkout/{basket}/voucher", {"code": voucher}))
    steps.append((rng.uniform(5, 30), "POST", f"/checkout/{basket}/pay", None))
    if rng.random() < 0.5:
        steps.append((rng.uniform(10, 40), "GET", f"/orders/{rng.randrange(1, 3001)}", None))
    return steps
