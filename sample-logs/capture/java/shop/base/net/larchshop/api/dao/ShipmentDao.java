package net.larchshop.api.dao;

import java.sql.Connection;
import java.sql.SQLException;
import net.larchshop.api.db.Sql;

/** Statements on shipments; the caller brings the connection, so that several of them share a transaction. */
public final class ShipmentDao {
    public String orderStatus(Connection connection, int order) throws SQLException {
        Object[] row = Sql.first(connection, "SELECT status FROM orders WHERE id = ?", order);
        return row == null ? null : (String) row[0];
    }

    public void insert(Connection connection, int order, String tracking) throws SQLException {
        Sql.update(connection, "INSERT INTO shipments (order_id, tracking) VALUES (?, ?)", order, tracking);
    }

    public void markShipped(Connection connection, int order) throws SQLException {
        Sql.update(connection, "UPDATE orders SET shipped_at = now() WHERE id = ?", order);
    }
}
