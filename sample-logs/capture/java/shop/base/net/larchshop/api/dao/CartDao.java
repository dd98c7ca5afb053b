package net.larchshop.api.dao;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import net.larchshop.api.db.Sql;

public final class CartDao {
    private final DataSource database;

    public CartDao(DataSource database) {
        this.database = database;
    }

    public List<Object[]> items(int cart) throws SQLException {
        try (Connection connection = database.getConnection()) {
            return Sql.rows(connection, "SELECT i.product_id, p.name, i.quantity FROM cart_items i"
                    + " JOIN products p ON p.id = i.product_id WHERE i.cart_id = ?", cart);
        }
    }

    public void add(int cart, int product) throws SQLException {
        try (Connection connection = database.getConnection()) {
            Sql.update(connection, "INSERT INTO cart_items (cart_id, product_id, quantity) VALUES (?, ?, 1)"
                    + " ON CONFLICT (cart_id, product_id) DO UPDATE SET quantity = cart_items.quantity + 1", cart, product);
        }
    }
}
