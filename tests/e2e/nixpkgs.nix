# As much of nixpkgs as packaging/nix uses, out of this machine's own programs: it is looked at
# whether the recipe builds, not what with.
{ path, bearssl }:
rec {
  lib = {
    cleanSource = src: src;
    getLib = package: package;
    licenses.isc = "ISC";
    makeBinPath = builtins.concatStringsSep ":";
    optional = condition: one: if condition then [ one ] else [ ];
  };
  stdenv = {
    isLinux = true;
    mkDerivation = { pname, version, src, makeFlags, postInstall, ... }: derivation {
      name = "${pname}-${version}";
      system = builtins.currentSystem;
      builder = "/bin/sh";
      args = [ "-euc" ''
        cp -R $src source
        chmod -R u+w source
        cd source
        make $makeFlags
        make $makeFlags install
        wrapProgram() { echo "$@" > $out/wrapped; }
        eval "$postInstall"
      '' ];
      PATH = path;
      inherit src makeFlags postInstall;
    };
  };
  gzip = "gzip";
  makeWrapper = "makeWrapper";
  openssh = "openssh";
  glibc.static = "glibc.static";
  inherit bearssl;
}
