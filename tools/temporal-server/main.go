// Command temporal-server is a real Temporal server for tests: one process, one sqlite database (in memory, or a file
// that survives a restart), everything on 127.0.0.1. It prints one line of JSON on standard output once it answers:
//
//	{"address": "127.0.0.1:7233", "http_address": "127.0.0.1:7243", "namespace": "default", "version": "1.32.0"}
//
// Its log goes to standard error. SIGTERM and SIGINT stop it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/server/common/headers"
)

// How long a start may take before it counts as failed, and how long a clean stop may take before it is cut short.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 10 * time.Second
)

// options are the command line.
type options struct {
	db            string
	port          int
	httpPort      int
	namespace     string
	logLevel      string
	stopWithStdin bool
	dynamicConfig keyValues
}

// keyValues collects a repeatable key=value flag.
type keyValues map[string]any

func (kv keyValues) String() string { return fmt.Sprint(map[string]any(kv)) }

// Set takes the value as JSON where it is JSON (true, 50, [..]) and as a plain string otherwise (0s).
func (kv keyValues) Set(argument string) error {
	key, text, found := strings.Cut(argument, "=")
	if !found || key == "" {
		return fmt.Errorf("want key=value, got %q", argument)
	}
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		value = text
	}
	if number, ok := value.(float64); ok && number == float64(int(number)) {
		value = int(number) // the server's integer settings refuse a float
	}
	kv[key] = value
	return nil
}

func parseOptions() options {
	o := options{dynamicConfig: keyValues{}}
	flag.StringVar(&o.db, "db", "", "sqlite file to keep state in (default: in memory)")
	flag.IntVar(&o.port, "port", 0, "port of the gRPC frontend (0: choose a free one)")
	flag.IntVar(&o.httpPort, "http-port", 0, "port of the HTTP frontend, for Nexus callbacks (0: choose a free one)")
	flag.StringVar(&o.namespace, "namespace", "default", "namespace to register")
	flag.StringVar(&o.logLevel, "log-level", "fatal", "debug, info, warn, error or fatal")
	flag.BoolVar(&o.stopWithStdin, "stop-with-stdin", false, "stop when standard input is closed")
	flag.Var(o.dynamicConfig, "dynamic-config", "server setting key=value on top of the built-in ones; repeatable")
	flag.Parse()
	return o
}

func main() {
	if err := run(parseOptions()); err != nil {
		fmt.Fprintln(os.Stderr, "temporal-server:", err)
		os.Exit(1)
	}
}

// run starts the server, announces it, and stops it on a signal.
func run(o options) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if o.stopWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	layout, err := newLayout(o)
	if err != nil {
		return err
	}
	server, err := newServer(o, layout)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if err := waitUntilReady(ctx, layout.frontend(), o.namespace); err != nil {
		return errors.Join(err, stop(server))
	}
	announce(o, layout)
	<-ctx.Done()
	return stop(server)
}

func announce(o options, l layout) {
	line, _ := json.Marshal(map[string]string{ // a map of strings always marshals
		"address":      l.frontend(),
		"http_address": l.http(),
		"namespace":    o.namespace,
		"version":      headers.ServerVersion,
	})
	fmt.Println(string(line))
}

// stop bounds the server's own stop: its services may wait minutes for one another.
func stop(server interface{ Stop() error }) error {
	stopped := make(chan error, 1)
	go func() { stopped <- server.Stop() }()
	select {
	case err := <-stopped:
		return err
	case <-time.After(stopTimeout):
		return nil
	}
}
