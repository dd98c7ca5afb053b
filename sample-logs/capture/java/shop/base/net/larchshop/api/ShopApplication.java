package net.larchshop.api;

import java.io.File;
import java.net.HttpURLConnection;
import java.net.URL;
import javax.sql.DataSource;
import net.larchshop.api.dao.CartDao;
import net.larchshop.api.dao.DealerDao;
import net.larchshop.api.dao.OrderDao;
import net.larchshop.api.dao.ProductDao;
import net.larchshop.api.dao.ReportDao;
import net.larchshop.api.dao.ShipmentDao;
import net.larchshop.api.db.Databases;
import net.larchshop.api.service.BankClient;
import net.larchshop.api.service.CatalogueCache;
import net.larchshop.api.service.CheckoutService;
import net.larchshop.api.service.InvoiceExportService;
import net.larchshop.api.service.ShipmentService;
import net.larchshop.api.web.ApiServlet;
import net.larchshop.api.web.Controllers;
import net.larchshop.api.web.DealerController;
import net.larchshop.api.web.RequestContextFilter;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

public final class ShopApplication {
    static {
        System.setProperty("shop.pid", String.valueOf(ProcessHandle.current().pid()));
    }

    private static final Logger log = LoggerFactory.getLogger(ShopApplication.class);

    public static void main(String[] args) throws Exception {
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
        long began = System.nanoTime();
        Settings settings = Settings.fromProperties();
        log.info("Starting ShopApplication v{} using Java {} with PID {} (profile prod)", settings.version,
                System.getProperty("java.version"), ProcessHandle.current().pid());

        DataSource database = Databases.open(settings);
        CatalogueCache catalogue = new CatalogueCache(new ProductDao(database), settings.catalogueCached);
        Controllers controllers = new Controllers(catalogue, new CartDao(database), new OrderDao(database),
                new ReportDao(database, new BankClient()), new CheckoutService(database),
                new ShipmentService(database, new ShipmentDao()), new InvoiceExportService(database));

        DealerController dealers = new DealerController(new DealerDao(database));
        Tomcat tomcat = startTomcat(settings, new ApiServlet(dealers.addTo(controllers.router())));
        catalogue.logStatistics(settings.cacheStatisticsSeconds);
        log.info("Tomcat started on port(s): {} (http) with context path ''", settings.httpPort);
        log.info("Started ShopApplication in {} seconds", String.format("%.3f", (System.nanoTime() - began) / 1e9));
        warmUp(settings);
        controllers.ready();

        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(tomcat, database), "shutdown"));
        tomcat.getServer().await();
    }

    private static Tomcat startTomcat(Settings settings, ApiServlet servlet) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(settings.workDirectory);
        tomcat.setHostname(settings.httpHost);
        tomcat.setPort(settings.httpPort);
        tomcat.getConnector().setProperty("address", settings.httpHost);
        tomcat.getConnector().setProperty("maxThreads", "100");
        tomcat.getConnector().setProperty("minSpareThreads", "10");
        Context context = tomcat.addContext("", new File(settings.workDirectory).getAbsolutePath());
        FilterDef filter = new FilterDef();
        filter.setFilterName("requestContext");
        filter.setFilter(new RequestContextFilter());
        context.addFilterDef(filter);
        FilterMap everything = new FilterMap();
        everything.setFilterName("requestContext");
        everything.addURLPattern("/*");
        context.addFilterMap(everything);
        Tomcat.addServlet(context, "api", servlet);
        context.addServletMappingDecoded("/*", "api");
        tomcat.start();
        return tomcat;
    }

    /** Visits the common pages once before the health check answers, so that the first customers do not pay for class loading. */
    private static void warmUp(Settings settings) throws Exception {
        String[] pages = {"/api/products/7", "/api/search?q=lamp", "/api/carts/12", "/api/orders/31", "/api/customers/5/orders"};
        for (int round = 0; round < 6; round++) {
            for (String page : pages) {
                HttpURLConnection http = (HttpURLConnection)
                        new URL("http://" + settings.httpHost + ":" + settings.httpPort + page).openConnection();
                http.setRequestProperty("X-Warm-Up", "1");
                http.getResponseCode();
                http.disconnect();
            }
        }
    }

    private static void stop(Tomcat tomcat, DataSource database) {
        log.info("Commencing graceful shutdown. Waiting for active requests to complete");
        try {
            tomcat.getConnector().pause();
            Thread.sleep(2000);
            log.info("Graceful shutdown complete");
            if (database instanceof AutoCloseable) {
                ((AutoCloseable) database).close();
            }
        } catch (Exception failure) {
            log.warn("Shutdown did not complete cleanly", failure);
        }
    }
}
