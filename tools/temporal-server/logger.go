package main

import (
	"fmt"
	"os"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// survivingLogger reports what the server calls fatal and goes on.
//
// A request alone can cause such a line: AddOrUpdateRemoteCluster without an address does, and the official SDK's tests
// send every request empty once. A real cluster restarts the process; tests would lose everything after it.
type survivingLogger struct{ log.Logger }

// Fatal writes the line whatever the log level is, and does not exit.
func (l survivingLogger) Fatal(msg string, tags ...tag.Tag) {
	l.Logger.Error(msg, tags...)
	fmt.Fprintln(os.Stderr, "temporal-server: fatal, ignored:", msg)
}
