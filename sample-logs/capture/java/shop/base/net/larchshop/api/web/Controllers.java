package net.larchshop.api.web;

import jakarta.servlet.http.HttpServletRequest;
import java.sql.SQLException;
import java.util.List;
import net.larchshop.api.dao.CartDao;
import net.larchshop.api.dao.OrderDao;
import net.larchshop.api.dao.ReportDao;
import net.larchshop.api.service.CatalogueCache;
import net.larchshop.api.service.CheckoutService;
import net.larchshop.api.service.InvoiceExportService;
import net.larchshop.api.service.ShipmentService;

/** The service's pages. */
public final class Controllers {
    private final CatalogueCache catalogue;
    private final CartDao carts;
    private final OrderDao orders;
    private final ReportDao reports;
    private final CheckoutService checkout;
    private final ShipmentService shipments;
    private final InvoiceExportService invoices;
    private volatile boolean ready;

    public Controllers(CatalogueCache catalogue, CartDao carts, OrderDao orders, ReportDao reports, CheckoutService checkout,
                       ShipmentService shipments, InvoiceExportService invoices) {
        this.catalogue = catalogue;
        this.carts = carts;
        this.orders = orders;
        this.reports = reports;
        this.checkout = checkout;
        this.shipments = shipments;
        this.invoices = invoices;
    }

    public void ready() {
        ready = true;
    }

    public Router router() {
        return new Router()
                .on("GET", "/healthz", "health", (request, path) -> new Reply(ready ? 200 : 503, "{}"))
                .on("GET", "/api/products/{id}", "catalogue", this::product)
                .on("GET", "/api/products/{id}/reviews", "catalogue", this::reviews)
                .on("GET", "/api/search", "catalogue", this::search)
                .on("GET", "/api/inventory/{sku}", "inventory", this::stock)
                .on("GET", "/api/carts/{id}", "cart", this::cart)
                .on("POST", "/api/carts/{id}/items", "cart", this::addToCart)
                .on("POST", "/api/checkout", "checkout", this::placeOrder)
                .on("GET", "/api/orders/{id}", "orders", this::order)
                .on("GET", "/api/customers/{id}/orders", "orders", this::customerOrders)
                .on("GET", "/api/orders/{id}/invoice.csv", "invoices", this::invoice)
                .on("POST", "/api/partners/orders/{id}/shipments", "shipments", this::shipment)
                .on("GET", "/api/reports/sales", "reports", this::sales)
                .on("POST", "/api/reports/settlement", "reports", this::settlement)
                .on("POST", "/internal/cache/clear", "catalogue", (request, path) -> new Reply(200, "{\"dropped\":" + catalogue.clear() + "}"));
    }

    Reply product(HttpServletRequest request, String[] path) throws SQLException {
        return Reply.found(catalogue.product(Integer.parseInt(path[0])));
    }

    Reply reviews(HttpServletRequest request, String[] path) throws SQLException {
        List<Object[]> reviews = catalogue.reviews(Integer.parseInt(path[0]));
        String newest = null;
        for (Object[] review : reviews) {
            newest = newest == null ? (String) review[2] : newest;
        }
        return new Reply(200, "{\"count\":" + reviews.size() + ",\"teaser\":" + (reviews.isEmpty() ? 0 : newest.length()) + "}");
    }

    Reply search(HttpServletRequest request, String[] path) throws SQLException {
        return new Reply(200, Reply.json(catalogue.search(request.getParameter("q"))));
    }

    Reply stock(HttpServletRequest request, String[] path) throws SQLException {
        int stock = catalogue.stock(path[0]);
        return new Reply(stock < 0 ? 404 : 200, "{\"stock\":" + stock + "}");
    }

    Reply cart(HttpServletRequest request, String[] path) throws SQLException {
        return new Reply(200, Reply.json(carts.items(Integer.parseInt(path[0]))));
    }

    Reply addToCart(HttpServletRequest request, String[] path) throws SQLException {
        carts.add(Integer.parseInt(path[0]), Integer.parseInt(request.getParameter("product")));
        return new Reply(201, "{}");
    }

    Reply placeOrder(HttpServletRequest request, String[] path) throws SQLException {
        int order = checkout.place(Integer.parseInt(request.getParameter("cart")), Integer.parseInt(request.getParameter("customer")));
        return order == 0 ? new Reply(409, "{\"error\":\"cart is empty\"}") : new Reply(201, "{\"order\":" + order + "}");
    }

    Reply order(HttpServletRequest request, String[] path) throws SQLException {
        return Reply.found(orders.find(Integer.parseInt(path[0])));
    }

    Reply customerOrders(HttpServletRequest request, String[] path) throws SQLException {
        return new Reply(200, Reply.json(orders.ofCustomer(Integer.parseInt(path[0]))));
    }

    Reply invoice(HttpServletRequest request, String[] path) throws SQLException {
        String csv = invoices.export(Integer.parseInt(path[0]));
        return csv.isEmpty() ? new Reply(204, "") : new Reply(200, csv);
    }

    Reply shipment(HttpServletRequest request, String[] path) throws SQLException {
        shipments.record(Integer.parseInt(path[0]), request.getParameter("tracking"));
        return new Reply(201, "{}");
    }

    Reply sales(HttpServletRequest request, String[] path) throws SQLException {
        return new Reply(200, Reply.json(reports.sales(Integer.parseInt(request.getParameter("days")))));
    }

    Reply settlement(HttpServletRequest request, String[] path) throws SQLException {
        return new Reply(200, "{\"payments\":" + reports.settle(request.getParameter("day")) + "}");
    }
}
