package net.larchshop.api.dao;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import net.larchshop.api.db.Sql;

public final class OrderDao {
    private final DataSource database;

    public OrderDao(DataSource database) {
        this.database = database;
    }

    public Object[] find(int id) throws SQLException {
        try (Connection connection = database.getConnection()) {
            Object[] order = Sql.first(connection, "SELECT id, customer_id, status FROM orders WHERE id = ?", id);
            if (order == null) {
                return null;
            }
            Object[] total = Sql.first(connection, "SELECT sum(quantity * price_cents) FROM order_lines WHERE order_id = ?", id);
            return new Object[] {order[0], order[1], order[2], total[0]};
        }
    }

    public List<Object[]> ofCustomer(int customer) throws SQLException {
        try (Connection connection = database.getConnection()) {
            return Sql.rows(connection, "SELECT id, status, created_at FROM orders WHERE customer_id = ? ORDER BY id DESC LIMIT 20", customer);
        }
    }
}
