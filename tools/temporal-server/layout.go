package main

import (
	"fmt"
	"net"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

const loopback = "127.0.0.1"

// layout is who listens where: the public frontend, its HTTP side, and the services behind it.
type layout struct {
	grpc     map[primitives.ServiceName]int
	httpPort int
}

// newLayout chooses free ports for all that the options leave open.
func newLayout(o options) (layout, error) {
	free, err := freePorts(5)
	if err != nil {
		return layout{}, fmt.Errorf("free ports: %w", err)
	}
	l := layout{httpPort: orElse(o.httpPort, free[4]), grpc: map[primitives.ServiceName]int{
		primitives.FrontendService: orElse(o.port, free[0]),
		primitives.HistoryService:  free[1],
		primitives.MatchingService: free[2],
		primitives.WorkerService:   free[3],
	}}
	return l, nil
}

func (l layout) address(service primitives.ServiceName) string {
	return fmt.Sprintf("%s:%d", loopback, l.grpc[service])
}

func (l layout) frontend() string { return l.address(primitives.FrontendService) }

func (l layout) http() string { return fmt.Sprintf("%s:%d", loopback, l.httpPort) }

// staticHosts replaces the gossip membership of a cluster: every service is this process.
func (l layout) staticHosts() map[primitives.ServiceName]static.Hosts {
	hosts := map[primitives.ServiceName]static.Hosts{}
	for service := range l.grpc {
		hosts[service] = static.SingleLocalHost(l.address(service))
	}
	return hosts
}

// services is the part of the server's configuration that names the ports.
func (l layout) services() map[string]config.Service {
	services := map[string]config.Service{}
	for service, port := range l.grpc {
		rpc := config.RPC{GRPCPort: port, BindOnIP: loopback}
		if service == primitives.FrontendService {
			rpc.HTTPPort = l.httpPort
		}
		services[string(service)] = config.Service{RPC: rpc}
	}
	return services
}

// freePorts holds all listeners open until the last is chosen, so that no two are the same.
func freePorts(count int) ([]int, error) {
	ports := make([]int, count)
	for i := range ports {
		listener, err := net.Listen("tcp", loopback+":0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func orElse(port, fallback int) int {
	if port != 0 {
		return port
	}
	return fallback
}
