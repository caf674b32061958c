package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	schema "go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const clusterName = "active"

// newServer builds the server over its database, in which the namespace is registered before anything starts.
func newServer(o options, l layout) (temporal.Server, error) {
	store := database(o.db)
	namespace, err := schema.NewNamespaceConfig(clusterName, o.namespace, false, nil)
	if err != nil {
		return nil, fmt.Errorf("namespace %q: %w", o.namespace, err)
	}
	if err := schema.CreateNamespaces(store, namespace); err != nil {
		return nil, fmt.Errorf("register namespace %q: %w", o.namespace, err)
	}
	logger := survivingLogger{log.NewZapLogger(log.BuildZapLogger(log.Config{Level: o.logLevel, Format: "console"}))}
	return temporal.NewServer(
		temporal.WithConfig(serverConfig(store, l)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(l.staticHosts()),
		temporal.WithDynamicConfigClient(settings(l.http(), o.dynamicConfig)),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
		temporal.WithCustomMetricsHandler(metrics.NoopMetricsHandler),
	)
}

// database is a file that is set up on first use, or one in memory that lives as long as the process.
func database(file string) *config.SQL {
	store := &config.SQL{PluginName: sqlite.PluginName, DatabaseName: file}
	if file == "" {
		store.DatabaseName = fmt.Sprintf("temporal-%d", os.Getpid())
		store.ConnectAttributes = map[string]string{"mode": "memory", "cache": "shared"}
		return store
	}
	// A test kills this process: write-ahead logging with full sync loses nothing that was answered.
	store.ConnectAttributes = map[string]string{
		"mode": "rwc", "setup": "true", "journal_mode": "wal", "synchronous": "2",
	}
	return store
}

func serverConfig(store *config.SQL, l layout) *config.Config {
	return &config.Config{
		Global: config.Global{Membership: config.Membership{
			MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback,
		}},
		Persistence: config.Persistence{
			DefaultStore:     sqlite.PluginName,
			VisibilityStore:  sqlite.PluginName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{sqlite.PluginName: {SQL: store}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: l.frontend()},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            l.services(),
		Archival: config.Archival{
			History:    config.HistoryArchival{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
		}},
		PublicClient: config.PublicClient{HostPort: l.frontend()},
	}
}

// waitUntilReady returns once gRPC answers, the namespace is known, and its searches and attributes can be used.
func waitUntilReady(ctx context.Context, address, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("client of %s: %w", address, err)
	}
	defer connection.Close()
	for {
		err := probe(ctx, connection, namespace)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("server at %s is not ready after %s: %w", address, startTimeout, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func probe(ctx context.Context, connection *grpc.ClientConn, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	workflows := workflowservice.NewWorkflowServiceClient(connection)
	if _, err := workflows.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{
		Namespace: namespace,
	}); err != nil {
		return err
	}
	if _, err := workflows.CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: namespace, Query: "WorkflowId = 'probe'",
	}); err != nil {
		return err
	}
	_, err := operatorservice.NewOperatorServiceClient(connection).ListSearchAttributes(
		ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	return err
}
