"""Pages that visitors ask for; each gives (method, path with query, form body)."""

PRODUCTS, ORDERS, CUSTOMERS, CARTS = 2000, 20000, 500, 600
WORDS = ["lamp", "chair", "oak", "shelf", "steel desk", "bowl", "linen", "clock", "rug", "brass"]


def product(r):
    return "GET", f"/api/products/{r.randint(1, PRODUCTS)}", ""


def popular_product(r):
    return "GET", f"/api/products/{min(PRODUCTS, int(r.paretovariate(0.9)))}", ""


def reviews(r):
    number = r.randint(1, PRODUCTS)
    return "GET", f"/api/products/{number + (number % 97 == 0)}/reviews", ""


def reviews_with_bug(r):
    return "GET", f"/api/products/{97 * r.randint(1, 20)}/reviews", ""


def search(r):
    return "GET", f"/api/search?q={r.choice(WORDS).replace(' ', '+')}", ""


def stock(r):
    return "GET", f"/api/inventory/SKU-{r.randint(1, PRODUCTS):06d}", ""


def cart(r):
    return "GET", f"/api/carts/{r.randint(1, CARTS)}", ""


def add_to_cart(r):
    return "POST", f"/api/carts/{r.randint(1, CARTS)}/items", f"product={r.randint(1, PRODUCTS)}"


def checkout(r):
    return "POST", "/api/checkout", f"cart={r.randint(1, CARTS)}&customer={r.randint(1, CUSTOMERS)}"


def order(r):
    return "GET", f"/api/orders/{r.randint(1, ORDERS)}", ""


def customer_orders(r):
    return "GET", f"/api/customers/{r.randint(1, CUSTOMERS)}/orders", ""


def invoice(r):
    return "GET", f"/api/orders/{r.randint(1, ORDERS)}/invoice.csv", ""


def shipment(r):
    return "POST", f"/api/partners/orders/{r.randint(1, ORDERS)}/shipments", f"tracking=LX{r.randint(10**8, 10**9)}"


def sales(r):
    return "GET", f"/api/reports/sales?days={r.choice([7, 30, 90])}", ""


def robots(r):
    return "GET", r.choice(["/robots.txt", "/wp-login.php", "/.env", "/sitemap.xml"]), ""


SHOPPER = [(22, popular_product), (8, product), (6, reviews), (12, search), (8, stock), (14, cart), (9, add_to_cart),
           (5, checkout), (8, order), (8, customer_orders)]
