package net.larchshop.api.dao;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import net.larchshop.api.db.Sql;

public final class ProductDao {
    private final DataSource database;

    public ProductDao(DataSource database) {
        this.database = database;
    }

    public Object[] find(int id) throws SQLException {
        try (Connection connection = database.getConnection()) {
            return Sql.first(connection, "SELECT id, sku, name, price_cents, stock FROM products WHERE id = ?", id);
        }
    }

    public List<Object[]> search(String words) throws SQLException {
        try (Connection connection = database.getConnection()) {
            return Sql.rows(connection, "SELECT id, name, price_cents FROM products WHERE name ILIKE ? ORDER BY id LIMIT 20",
                    "%" + words + "%");
        }
    }

    public int stock(String sku) throws SQLException {
        try (Connection connection = database.getConnection()) {
            Object[] row = Sql.first(connection, "SELECT stock FROM products WHERE sku = ?", sku);
            return row == null ? -1 : (Integer) row[0];
        }
    }

    public List<Object[]> reviews(int id) throws SQLException {
        try (Connection connection = database.getConnection()) {
            return Sql.rows(connection, "SELECT author, stars, body FROM reviews WHERE product_id = ? ORDER BY id DESC LIMIT 10", id);
        }
    }
}
