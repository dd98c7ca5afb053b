package net.larchshop.api.service;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import net.larchshop.api.db.Sql;

public final class CheckoutService {
    private final DataSource database;

    public CheckoutService(DataSource database) {
        this.database = database;
    }

    /** Turns a cart into an order in one transaction; returns the new order, or 0 for an empty cart. */
    public int place(int cart, int customer) throws SQLException {
        try (Connection connection = database.getConnection()) {
            connection.setAutoCommit(false);
            try {
                Object[] total = Sql.first(connection, "SELECT count(*), coalesce(sum(i.quantity * p.price_cents), 0) FROM cart_items i"
                        + " JOIN products p ON p.id = i.product_id WHERE i.cart_id = ?", cart);
                if (((Number) total[0]).intValue() == 0) {
                    connection.rollback();
                    return 0;
                }
                Object[] order = Sql.first(connection, "INSERT INTO orders (customer_id, status) VALUES (?, 'paid') RETURNING id", customer);
                Sql.update(connection, "INSERT INTO order_lines (order_id, product_id, quantity, price_cents)"
                        + " SELECT ?, i.product_id, i.quantity, p.price_cents FROM cart_items i"
                        + " JOIN products p ON p.id = i.product_id WHERE i.cart_id = ?", order[0], cart);
                Sql.update(connection, "INSERT INTO payments (order_id, amount_cents) VALUES (?, ?)", order[0],
                        ((Number) total[1]).longValue());
                Sql.update(connection, "DELETE FROM cart_items WHERE cart_id = ?", cart);
                connection.commit();
                return (Integer) order[0];
            } catch (SQLException failure) {
                connection.rollback();
                throw failure;
            } finally {
                connection.setAutoCommit(true);
            }
        }
    }
}
