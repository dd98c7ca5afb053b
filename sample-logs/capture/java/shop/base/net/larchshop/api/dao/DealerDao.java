package net.larchshop.api.dao;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import net.larchshop.api.db.Sql;

public final class DealerDao {
    private final DataSource database;

    public DealerDao(DataSource database) {
        this.database = database;
    }

    public Object[] quote(int dealer, int product) throws SQLException {
        try (Connection connection = database.getConnection()) {
            return Sql.first(connection, "SELECT contract_price(?, ?)", dealer, product);
        }
    }

    public List<Object[]> contracts(int dealer) throws SQLException {
        try (Connection connection = database.getConnection()) {
            return Sql.rows(connection, "SELECT id, sku, price_cents * (100 - ? % 20) / 100 FROM products WHERE id % 400 = ? % 400 ORDER BY id", dealer, dealer);
        }
    }
}
