package net.larchshop.api.dao;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import net.larchshop.api.db.Sql;
import net.larchshop.api.service.BankClient;

public final class ReportDao {
    private final DataSource database;
    private final BankClient bank;

    public ReportDao(DataSource database, BankClient bank) {
        this.database = database;
        this.bank = bank;
    }

    public List<Object[]> sales(int days) throws SQLException {
        try (Connection connection = database.getConnection()) {
            return Sql.rows(connection, "SELECT p.category, count(*), sum(l.quantity * l.price_cents) FROM order_lines l"
                    + " JOIN products p ON p.id = l.product_id JOIN orders o ON o.id = l.order_id"
                    + " WHERE o.created_at > now() - make_interval(days => ?) GROUP BY p.category ORDER BY 3 DESC", days);
        }
    }

    /** Compares the day's payments with the bank's statement; keeps its connection for the whole comparison. */
    public int settle(String day) throws SQLException {
        try (Connection connection = database.getConnection()) {
            Object[] total = Sql.first(connection, "SELECT count(*), sum(amount_cents) FROM payments");
            bank.statement(day);
            Sql.update(connection, "INSERT INTO settlements (day, payments) VALUES (?, ?)", day, total[0]);
            return ((Number) total[0]).intValue();
        }
    }
}
