startReport();
})();
