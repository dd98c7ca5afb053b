package net.larchshop.api.service;

/** A partner reported a shipment that cannot be booked; it is told so and nothing is stored. */
public final class ShipmentRejectedException extends RuntimeException {
    public ShipmentRejectedException(String message) {
        super(message);
    }
}
