package main

import (
	"fmt"

	"go.temporal.io/server/common/dynamicconfig"
)

// The dynamic configuration that the official SDKs' tests expect of a server.
var defaultSettings = map[string]any{
	"frontend.enableServerVersionCheck":                             false,
	"frontend.enableUpdateWorkflowExecution":                        true,
	"frontend.enableUpdateWorkflowExecutionAsyncAccepted":           true,
	"frontend.enableExecuteMultiOperation":                          true,
	"frontend.workerVersioningWorkflowAPIs":                         true,
	"frontend.workerVersioningDataAPIs":                             true,
	"frontend.activityAPIsEnabled":                                  true,
	"frontend.enableCancelWorkerPollsOnShutdown":                    true,
	"system.forceSearchAttributesCacheRefreshOnRead":                true,
	"system.enableEagerWorkflowStart":                               true,
	"system.enableDeploymentVersions":                               true,
	"system.refreshNexusEndpointsMinWait":                           "0s",
	"limit.historyCount.suggestContinueAsNew":                       50,
	"activity.enableStandalone":                                     true,
	"activity.startDelayEnabled":                                    true,
	"activity.enableCallbacks":                                      true,
	"history.enableChasm":                                           true,
	"history.enableTransitionHistory":                               true,
	"history.enableCHASMCallbacks":                                  true,
	"history.enableCHASMSignalBacklinks":                            true,
	"history.enableSignalWithStartFromWorkflow":                     true,
	"history.enableUpdateCallbacks":                                 true,
	"nexusoperation.enableStandalone":                               true,
	"component.nexusoperations.recordCancelRequestCompletionEvents": true,
}

// settings joins the defaults, what depends on the HTTP address (where Nexus callbacks arrive), and the command line.
func settings(httpAddress string, overrides keyValues) dynamicconfig.StaticClient {
	callback := fmt.Sprintf("http://%s/namespaces/{{.NamespaceName}}/nexus/callback", httpAddress)
	allowed := []any{map[string]any{"Pattern": httpAddress, "AllowInsecure": true}}
	client := dynamicconfig.StaticClient{
		dynamicconfig.MakeKey("component.nexusoperations.callback.endpoint.template"): callback,
		dynamicconfig.MakeKey("nexusoperation.callback.endpoint.template"):            callback,
		// The second name is what server 1.32 reads; the first is that of older servers.
		dynamicconfig.MakeKey("component.callbacks.allowedAddresses"): allowed,
		dynamicconfig.MakeKey("callback.allowedAddresses"):            allowed,
	}
	for _, values := range []map[string]any{defaultSettings, overrides} {
		for key, value := range values {
			client[dynamicconfig.MakeKey(key)] = value
		}
	}
	return client
}
