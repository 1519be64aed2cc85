// kube is one binary for every Kubernetes program that tests start. The name it
// is called by (a symlink) chooses the program, so that linking happens once.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

type program struct {
	name string
	run  func() int
}

// Another component is one more line here, and one more symlink in build.sh.
var programs = []program{
	{"etcd", func() int { etcdmain.Main(os.Args); return 0 }},
	{"kube-apiserver", func() int { return cli.Run(apiserver.NewAPIServerCommand()) }},
	{"kubectl", runKubectl},
}

func runKubectl() int {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
		return 1
	}
	return 0
}

func main() {
	called := filepath.Base(os.Args[0])
	i := slices.IndexFunc(programs, func(p program) bool { return p.name == called })
	if i < 0 {
		names := make([]string, len(programs))
		for n, p := range programs {
			names[n] = p.name
		}
		fmt.Fprintf(os.Stderr, "call me through a symlink named %s, not %s\n", strings.Join(names, ", "), called)
		os.Exit(2)
	}
	os.Exit(programs[i].run())
}
