package net.larchshop.api.service;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import net.larchshop.api.db.Sql;

public final class InvoiceExportService {
    private final DataSource database;

    public InvoiceExportService(DataSource database) {
        this.database = database;
    }

    /** The lines of an order's invoice as CSV; empty for an order without lines. */
    public String export(int order) throws SQLException {
        try (Connection connection = database.getConnection()) {
            List<Object[]> lines = Sql.rows(connection, "SELECT product_id, quantity, price_cents FROM order_lines WHERE order_id = ?", order);
            StringBuilder csv = new StringBuilder();
            for (Object[] line : lines) {
                csv.append(line[0]).append(',').append(line[1]).append(',').append(line[2]).append('\n');
            }
            return csv.toString();
        }
    }
}
