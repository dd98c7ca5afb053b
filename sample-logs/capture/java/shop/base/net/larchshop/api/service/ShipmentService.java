package net.larchshop.api.service;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import net.larchshop.api.dao.ShipmentDao;

public final class ShipmentService {
    private final DataSource database;
    private final ShipmentDao shipments;

    public ShipmentService(DataSource database, ShipmentDao shipments) {
        this.database = database;
        this.shipments = shipments;
    }

    /** Books a shipment that a partner reports for an order. */
    public void record(int order, String tracking) throws SQLException {
        try (Connection connection = database.getConnection()) {
            String status = shipments.orderStatus(connection, order);
            if (status == null || status.equals("cancelled")) {
                throw new ShipmentRejectedException("order " + order + " is " + (status == null ? "unknown" : status));
            }
            shipments.insert(connection, order, tracking);
            shipments.markShipped(connection, order);
        }
    }
}
