// talos114 does with the library of Talos 1.14 what that version's talosctl does with it. The program itself needs
// modules that not every proxy serves.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/configpatcher"
	"github.com/siderolabs/talos/pkg/machinery/config/encoder"
	"github.com/siderolabs/talos/pkg/machinery/config/generate"
	"github.com/siderolabs/talos/pkg/machinery/config/generate/secrets"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"
	"github.com/siderolabs/talos/pkg/machinery/config/validation"
	"go.yaml.in/yaml/v4"
)

const usage = `usage:
  talos114 validate FILE...
  talos114 secrets
  talos114 generate NAME ENDPOINT ROLE SECRETS VERSION KUBERNETES IMAGE
  talos114 patch FILE PATCH...`

// metal is a machine that boots from its own disk.
type metal struct{}

func (metal) String() string        { return "metal" }
func (metal) RequiresInstall() bool { return true }
func (metal) InContainer() bool     { return false }

// validate says what is wrong with each file. Local leaves out the checks of hardware, which is not here; strict makes
// warnings errors.
func validate(paths []string) error {
	var all error
	for _, path := range paths {
		loaded, err := configloader.NewFromFile(path)
		if err == nil {
			var warnings []string
			warnings, err = loaded.Validate(metal{}, validation.WithLocal(), validation.WithStrict())
			for _, warning := range warnings {
				err = errors.Join(err, errors.New(warning))
			}
		}
		if err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", path, err))
		}
	}
	return all
}

func newSecrets() ([]byte, error) {
	bundle, err := secrets.NewBundle(secrets.NewFixedClock(time.Now()), nil)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(bundle)
}

func base(name, endpoint, role, secretsFile, version, kubernetes, image string) ([]byte, error) {
	contract, err := config.ParseContractFromVersion(version)
	if err != nil {
		return nil, err
	}
	bundle, err := secrets.LoadBundle(secretsFile)
	if err != nil {
		return nil, err
	}
	if err := bundle.Validate(contract); err != nil {
		return nil, err
	}
	kind, err := machine.ParseType(role)
	if err != nil {
		return nil, err
	}
	input, err := generate.NewInput(name, endpoint, kubernetes,
		generate.WithVersionContract(contract), generate.WithSecretsBundle(bundle), generate.WithInstallImage(image))
	if err != nil {
		return nil, err
	}
	made, err := input.Config(kind)
	if err != nil {
		return nil, err
	}
	return made.EncodeBytes(encoder.WithComments(encoder.CommentsDisabled))
}

func patched(path string, patches []string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for index, patch := range patches {
		patches[index] = "@" + patch
	}
	loaded, err := configpatcher.LoadPatches(patches)
	if err != nil {
		return nil, err
	}
	out, err := configpatcher.Apply(configpatcher.WithBytes(data), loaded)
	if err != nil {
		return nil, err
	}
	return out.Bytes()
}

func run(arguments []string) (out []byte, err error) {
	command, rest := arguments[0], arguments[1:]
	switch {
	case command == "validate" && len(rest) > 0:
		return nil, validate(rest)
	case command == "secrets" && len(rest) == 0:
		return newSecrets()
	case command == "generate" && len(rest) == 7:
		return base(rest[0], rest[1], rest[2], rest[3], rest[4], rest[5], rest[6])
	case command == "patch" && len(rest) > 1:
		return patched(rest[0], rest[1:])
	}
	return nil, errors.New(usage)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	out, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(out)
}
